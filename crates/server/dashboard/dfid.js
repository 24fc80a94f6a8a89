// The name that Doofinder's API gives an item: `{hashid}@{index}@{MD5 of its id}` (RFC 1321). It protects nothing here.

const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const SINES = Array.from({ length: 64 }, (_, place) => Math.floor(Math.abs(Math.sin(place + 1)) * 2 ** 32) | 0);

export const dfid = (item) => `${item.hashid}@${item.index}@${md5(item.doc_id)}`;

export function md5(text) {
  const bytes = new TextEncoder().encode(text);
  const padded = new Uint8Array(((bytes.length + 8) >> 6) * 64 + 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n, true);
  let state = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476];
  for (let start = 0; start < padded.length; start += 64) state = block(state, view, start);
  const out = new DataView(new ArrayBuffer(16));
  state.forEach((word, place) => out.setInt32(place * 4, word, true));
  return Array.from(new Uint8Array(out.buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function block(state, view, start) {
  let [a, b, c, d] = state;
  for (let step = 0; step < 64; step += 1) {
    const round = step >> 4;
    const mix = [(b & c) | (~b & d), (d & b) | (~d & c), b ^ c ^ d, c ^ (b | ~d)][round];
    const word = [step, 5 * step + 1, 3 * step + 5, 7 * step][round] % 16;
    const sum = (a + mix + SINES[step] + view.getInt32(start + word * 4, true)) | 0;
    const shift = SHIFTS[round * 4 + (step % 4)];
    [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
  }
  return [(state[0] + a) | 0, (state[1] + b) | 0, (state[2] + c) | 0, (state[3] + d) | 0];
}
