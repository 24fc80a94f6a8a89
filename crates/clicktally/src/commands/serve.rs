//! `serve`: the server, from its lock to its last sync.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use server::doors;
use server::http::{Front, Metrics, TrustedProxies, log_panics};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::commands::notify::notify;
use crate::commands::retention::Retention;
use crate::config::{Config, LogFormat, Typed};
use crate::failure::Failure;
use crate::house::{CONTROL_SOCKET, House, Opening};

/// How long work off the threads that serve connections may go on at the end.
const LAST_WORK_TIME_MAX: Duration = Duration::from_secs(10);

pub fn serve(typed: Typed) -> Result<ExitCode, Failure> {
    let config = Config::check(typed, "./clicktally-data")?;
    start_logging(&config);
    let house = open(&config)?;
    run(config, house, |_, _| Ok(()))
}

/// Opens the house as a server does.
///
/// # Errors
/// A [`Failure`] that says who has it, or what is wrong with it.
pub fn open(config: &Config) -> Result<House, Failure> {
    let started = Instant::now();
    let note = format!("server starting, to listen on {}", config.listen);
    let house = House::open(&config.data_dir, Opening::of(config), &note)
        .map_err(|error| error.into_failure(&config.data_dir))?;
    tracing::info!(
        directory = %config.data_dir.display(),
        took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "the data directory is open"
    );
    Ok(house)
}

/// Serves until SIGTERM or SIGINT, then drains, syncs and closes. `ready` is called once clients can connect.
///
/// # Errors
/// A [`Failure`] when an address can't be listened on.
pub fn run(
    config: Config,
    mut house: House,
    ready: impl FnOnce(SocketAddr, &House) -> Result<(), Failure>,
) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("no threads: {error}")))?;
    let served = runtime.block_on(listen(&config, &mut house, ready));
    // Whatever still runs holds parts of the house; what it was told to record is recorded before the store closes.
    runtime.shutdown_timeout(LAST_WORK_TIME_MAX);
    house.close();
    served?;
    tracing::info!("stopped; everything that was acknowledged is on disk");
    Ok(ExitCode::SUCCESS)
}

async fn listen(
    config: &Config,
    house: &mut House,
    ready: impl FnOnce(SocketAddr, &House) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let stop = stop_signal()?;
    let front = bind("--listen", config.listen).await?;
    let admin = match config.admin_listen {
        Some(address) => Some(bind("--admin-listen", address).await?),
        None => None,
    };
    let socket = config.data_dir.join(CONTROL_SOCKET);
    let control = Front::bind_control(&socket)
        .map_err(|error| Failure::new(format!("the control socket {}: {error}", socket.display())))?;
    let address = front.local_addr().unwrap_or(config.listen);
    house.rename(&format!("server on {address}"));

    let (metrics, limits) = (Arc::new(Metrics::new()), config.limits.clone());
    let proxies = TrustedProxies::new(config.trusted_proxies.clone());
    let public = doors::public(&house.app, &house.secret, &metrics, &limits, proxies);
    let operators = doors::control(&house.app, house.maintenance(), &metrics, &limits);
    let mut doors = tokio::task::JoinSet::new();
    let (live, end) = (Arc::clone(&house.app.live), stopped(stop.clone()));
    let end = async move {
        end.await;
        // Whoever watches would watch until the drain time is over.
        live.end();
    };
    doors.spawn(front.serve(public, limits.clone(), Arc::clone(&metrics), end));
    doors.spawn(control.serve(
        operators,
        control_limits(&limits),
        Arc::clone(&metrics),
        stopped(stop.clone()),
    ));
    if let Some(admin) = admin {
        let router = doors::admin(&house.app, &metrics, &limits);
        doors.spawn(admin.serve(router, limits, Arc::clone(&metrics), stopped(stop.clone())));
    }
    let retention = Retention::new(Arc::clone(&house.app), house.disk(), config);
    let retention = tokio::spawn(retention.run());
    tracing::info!(%address, "listening");
    ready(address, house)?;
    notify("READY=1");
    while let Some(drained) = doors.join_next().await {
        if let Ok(drained) = drained
            && drained.cut > 0
        {
            tracing::warn!(connections = drained.cut, "requests were cut off at the end of the drain time");
        }
    }
    retention.abort();
    Ok(())
}

/// An import over the control socket is one long request: its body may take as long as it takes.
fn control_limits(limits: &server::http::Limits) -> server::http::Limits {
    server::http::Limits { body_timeout: Duration::from_secs(24 * 3_600), ..limits.clone() }
}

async fn bind(option: &str, address: SocketAddr) -> Result<Front, Failure> {
    Front::bind(address).await.map_err(|error| {
        Failure::new(format!(
            "{option} {address}: {error}; is another server running there? Give another address"
        ))
    })
}

/// Becomes true at SIGTERM or SIGINT.
fn stop_signal() -> Result<watch::Receiver<bool>, Failure> {
    let no_signals = |error: std::io::Error| Failure::new(format!("signals can't be listened for: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tracing::info!("stopping: open requests may end");
        notify("STOPPING=1");
        // Nobody listening any more is fine: then there is nothing to stop.
        let _ = sender.send(true);
        // Kept until the process ends, so that a receiver never takes a lost sender for a signal.
        std::future::pending::<()>().await;
    });
    Ok(receiver)
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    while !*stop.borrow_and_update() {
        if stop.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Logs go to standard error, so that what a command prints stays clean.
pub fn start_logging(config: &Config) {
    let level = config.log_level;
    let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
    // A second start in one process, as in a test, keeps the first one's logging.
    let _ = match config.log_format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_target(false).try_init(),
    };
    log_panics();
}
