//! Reads an `.http` file into steps. Knows the format of the file, not what its words mean.

/// What one file tells, in its order.
pub struct Script {
    pub steps: Vec<Step>,
}

/// One block between `---` lines.
#[derive(Default)]
pub struct Step {
    /// The number of the block's first line that is not blank.
    pub line: usize,
    /// Its `#` lines: which rule it shows.
    pub rule: String,
    /// Its `@` lines, without the `@`.
    pub directives: Vec<String>,
    /// Its request and answer, if it has any.
    pub exchange: Option<Exchange>,
    /// Why the block can't be read.
    pub mistake: Option<String>,
}

/// A request and the answer that it must get.
#[derive(Default)]
pub struct Exchange {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub status: u16,
    pub expected_headers: Vec<(String, String)>,
    pub absent_headers: Vec<String>,
    /// `None`: the body is not looked at.
    pub expected_body: Option<String>,
}

impl Script {
    pub fn parse(text: &str) -> Self {
        let mut steps = Vec::new();
        let mut block = Vec::new();
        for numbered in text.lines().enumerate() {
            if numbered.1.trim_end() == "---" {
                steps.extend(step(&std::mem::take(&mut block)));
            } else {
                block.push(numbered);
            }
        }
        steps.extend(step(&block));
        Self { steps }
    }
}

fn step(block: &[(usize, &str)]) -> Option<Step> {
    let start = block.iter().position(|(_, line)| !line.trim().is_empty())?;
    let mut lines = block[start..].iter().map(|(_, line)| *line).peekable();
    let mut step = Step { line: block[start].0 + 1, ..Step::default() };
    while let Some(line) = lines.next_if(|line| line.trim().is_empty() || line.starts_with(['#', '@'])) {
        if let Some(rule) = line.strip_prefix('#') {
            step.rule = format!("{} {}", step.rule, rule.trim()).trim().to_owned();
        } else if let Some(directive) = line.strip_prefix('@') {
            step.directives.push(directive.trim().to_owned());
        }
    }
    if lines.peek().is_some() {
        match exchange(&lines.collect::<Vec<_>>()) {
            Ok(exchange) => step.exchange = Some(exchange),
            Err(mistake) => step.mistake = Some(mistake),
        }
    }
    Some(step)
}

fn exchange(lines: &[&str]) -> Result<Exchange, String> {
    let answer =
        lines.iter().position(|line| line.starts_with("=> ")).ok_or("there is no `=> STATUS` line")?;
    let (request, expected) = lines.split_at(answer);
    let (head, body) = split_at_blank(&request[1..]);
    let (method, target) = request[0].split_once(' ').ok_or("the first line is not `METHOD TARGET`")?;
    let status = expected[0]["=> ".len()..].trim().parse().map_err(|_| "the status is not a number")?;
    let (expected_head, expected_body) = split_at_blank(&expected[1..]);
    let absent = |line: &&&str| line.starts_with('!');
    let expected_body = expected_body.join("\n");
    Ok(Exchange {
        method: method.to_owned(),
        target: target.trim_end().to_owned(),
        headers: head.iter().map(|line| header(line)).collect::<Result<_, _>>()?,
        body: body.join("\n"),
        status,
        expected_headers: expected_head
            .iter()
            .filter(|line| !absent(line))
            .map(|line| header(line))
            .collect::<Result<_, _>>()?,
        absent_headers: expected_head.iter().filter(absent).map(|line| line[1..].trim().to_owned()).collect(),
        expected_body: (!expected_body.trim().is_empty())
            .then(|| expected_body.trim_end_matches('\n').to_owned()),
    })
}

/// What stands before the first blank line, and after it.
fn split_at_blank<'l>(lines: &'l [&'l str]) -> (&'l [&'l str], &'l [&'l str]) {
    match lines.iter().position(|line| line.is_empty()) {
        Some(blank) => (&lines[..blank], &lines[blank + 1..]),
        None => (lines, &[]),
    }
}

fn header(line: &str) -> Result<(String, String), String> {
    let (name, value) = line.split_once(':').ok_or_else(|| format!("`{line}` is not a header"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
