// Decodes Zstandard frames (RFC 8878), without dictionaries.

const LITERALS = [16, 1, 18, 1, 20, 1, 22, 1, 24, 2, 28, 2, 32, 3, 40, 3, 48, 4, 64, 6, 128, 7, 256, 8, 512, 9, 1024, 10, 2048, 11, 4096, 12, 8192, 13, 16384, 14, 32768, 15, 65536, 16];
const MATCHES = [35, 1, 37, 1, 39, 1, 41, 1, 43, 2, 47, 2, 51, 3, 59, 3, 67, 4, 83, 4, 99, 5, 131, 7, 259, 8, 515, 9, 1027, 10, 2051, 11, 4099, 12, 8195, 13, 16387, 14, 32771, 15, 65539, 16];
const values = (plain, first, rest) => {
  const base = Array.from({length: plain}, (_, n) => n + first), bits = new Array(plain).fill(0);
  for (let n = 0; n < rest.length; n += 2) { base.push(rest[n]); bits.push(rest[n + 1]); }
  return [Int32Array.from(base), Uint8Array.from(bits)];
};
const [LL_BASE, LL_BITS] = values(16, 0, LITERALS);
const [ML_BASE, ML_BITS] = values(32, 3, MATCHES);
const ones = (count, value = 1) => new Array(count).fill(value);
const DEFAULTS = {
  ll: [6, [4, 3, ...ones(11, 2), 1, 1, 1, ...ones(9, 2), 3, 2, 1, 1, 1, 1, 1, ...ones(4, -1)]],
  of: [5, [...ones(6), 2, 2, 2, ...ones(15), ...ones(5, -1)]],
  ml: [6, [1, 4, 3, ...ones(6, 2), ...ones(37), ...ones(7, -1)]],
};
const fault = (what) => { throw new Error('damaged data: ' + what); };
const top = (value) => 31 - Math.clz32(value);

/** Returns the table of an FSE code: symbol, bits and base of each state. */
function fseTable(log, counts) {
  const size = 1 << log, symbol = new Uint8Array(size), bits = new Uint8Array(size), base = new Uint16Array(size);
  const next = new Uint16Array(counts.length);
  let high = size;
  counts.forEach((count, s) => { if (count === -1) { symbol[--high] = s; next[s] = 1; } });
  const step = (size >> 1) + (size >> 3) + 3;
  let at = 0;
  counts.forEach((count, s) => {
    if (count <= 0) return;
    next[s] = count;
    for (let n = 0; n < count; n++) {
      symbol[at] = s;
      do at = (at + step) & (size - 1); while (at >= high);
    }
  });
  for (let state = 0; state < size; state++) {
    const x = next[symbol[state]]++;
    bits[state] = log - top(x);
    base[state] = (x << bits[state]) - size;
  }
  return {log, symbol, bits, base};
}

/** Reads the counts of an FSE code; returns its table and where it ends. */
function readFse(src, from, most) {
  let bit = from * 8;
  const peek = (count) => {
    const byte = bit >> 3;
    return ((src[byte] | src[byte + 1] << 8 | src[byte + 2] << 16) >>> (bit & 7)) & ((1 << count) - 1);
  };
  const log = peek(4) + 5;
  bit += 4;
  if (log > most) fault('an FSE code is too long');
  const counts = [];
  let left = 1 << log;
  while (left > 0) {
    const width = top(left + 1) + 1;
    let value = peek(width);
    const lower = (1 << (width - 1)) - 1, spare = (1 << width) - 1 - (left + 1);
    if ((value & lower) < spare) { bit += width - 1; value &= lower; } else { bit += width; if (value > lower) value -= spare; }
    const count = value - 1;
    left -= Math.abs(count);
    counts.push(count);
    if (count === 0) {
      let more;
      do { more = peek(2); bit += 2; for (let n = 0; n < more; n++) counts.push(0); } while (more === 3);
    }
    if (counts.length > 256) fault('an FSE code has too many symbols');
  }
  return [fseTable(log, counts), (bit + 7) >> 3];
}

/** Reads bits from the end of a stretch of bytes. */
class Backward {
  constructor(src, from, to) {
    const last = src[to - 1];
    if (to <= from || !last) fault('a stream of bits has no end');
    this.src = src;
    this.from = from * 8;
    this.at = (to - 1) * 8 + top(last);
  }
  /** Returns up to 24 bits; zeros from before the beginning. */
  read(count) {
    this.at -= count;
    return this.bits(this.at, count);
  }
  bits(at, count) {
    if (count === 0) return 0;
    if (at < this.from) {
      const short = this.from - at;
      return short >= count ? 0 : this.bits(this.from, count - short) << short;
    }
    const {src} = this, byte = at >> 3;
    return ((src[byte] | src[byte + 1] << 8 | src[byte + 2] << 16 | src[byte + 3] << 24) >>> (at & 7)) & ((1 << count) - 1);
  }
}

function huffmanWeights({log, symbol, bits, base}, stream) {
  const weights = [];
  let one = stream.read(log), two = stream.read(log);
  for (;;) {
    weights.push(symbol[one]);
    one = base[one] + stream.read(bits[one]);
    if (stream.at < stream.from) { weights.push(symbol[two]); break; }
    weights.push(symbol[two]);
    two = base[two] + stream.read(bits[two]);
    if (stream.at < stream.from) { weights.push(symbol[one]); break; }
    if (weights.length > 255) fault('a Huffman code has too many symbols');
  }
  return weights;
}

/** Reads a Huffman code; returns its table and where it ends. */
function readHuffman(src, from) {
  const head = src[from++];
  let weights = [], to;
  if (head < 128) {
    to = from + head;
    const [table, at] = readFse(src, from, 6);
    weights = huffmanWeights(table, new Backward(src, at, to));
  } else {
    const count = head - 127;
    to = from + ((count + 1) >> 1);
    for (let n = 0; n < count; n++) weights.push(n & 1 ? src[from + (n >> 1)] & 15 : src[from + (n >> 1)] >> 4);
  }
  let sum = 0;
  for (const weight of weights) sum += weight ? 1 << (weight - 1) : 0;
  const most = top(sum) + 1, rest = (1 << most) - sum;
  if (!sum || most > 11 || rest & (rest - 1)) fault('a Huffman code');
  weights.push(top(rest) + 1);
  const symbol = new Uint8Array(1 << most), bits = new Uint8Array(1 << most);
  let at = 0;
  for (let weight = 1; weight <= most; weight++) {
    weights.forEach((found, s) => {
      if (found !== weight) return;
      const length = 1 << (weight - 1);
      symbol.fill(s, at, at + length);
      bits.fill(most + 1 - weight, at, at + length);
      at += length;
    });
  }
  return [{most, symbol, bits}, to];
}

function huffmanStream({most, symbol, bits}, src, from, to, out, at, end) {
  const stream = new Backward(src, from, to), begin = stream.from, mask = (1 << most) - 1;
  let left = stream.at;
  for (; at < end && left - most >= begin; at++) {
    const bit = left - most, byte = bit >> 3;
    const found = ((src[byte] | src[byte + 1] << 8 | src[byte + 2] << 16) >>> (bit & 7)) & mask;
    out[at] = symbol[found];
    left -= bits[found];
  }
  for (; at < end; at++) {
    const found = stream.bits(left - most, most);
    out[at] = symbol[found];
    left -= bits[found];
  }
  if (left !== begin) fault('literals');
}

class Frame {
  constructor(src, out) {
    Object.assign(this, {src, out, at: 0, offsets: [1, 4, 8], huffman: null, tables: {}, literals: new Uint8Array(1 << 17)});
  }

  /** Reads the literals of a block; returns where they end. Sets `lits`. */
  readLiterals(at) {
    const {src} = this, kind = src[at] & 3, form = (src[at] >> 2) & 3;
    if (kind < 2) {
      const [size, head] = form === 1 ? [(src[at] >> 4) + (src[at + 1] << 4), 2]
        : form === 3 ? [(src[at] >> 4) + (src[at + 1] << 4) + (src[at + 2] << 12), 3] : [src[at] >> 3, 1];
      at += head;
      if (kind === 0) { this.lits = src.subarray(at, at + size); return at + size; }
      this.lits = this.literals.subarray(0, size).fill(src[at]);
      return at + 1;
    }
    const bits = [10, 10, 14, 18][form], head = [3, 3, 4, 5][form], streams = form === 0 ? 1 : 4;
    let word = 0;
    for (let n = head - 1; n >= 0; n--) word = word * 256 + src[at + n];
    word = Math.floor(word / 16);
    const size = word % (1 << bits), packed = Math.floor(word / (1 << bits));
    at += head;
    const end = at + packed;
    if (size > this.literals.length) fault('too many literals');
    if (kind === 2) [this.huffman, at] = readHuffman(src, at);
    if (!this.huffman) fault('literals without a code');
    const out = this.literals;
    if (streams === 1) huffmanStream(this.huffman, src, at, end, out, 0, size);
    else {
      const part = (size + 3) >> 2;
      let from = at + 6;
      for (let n = 0; n < 4; n++) {
        const to = n < 3 ? from + src[at + 2 * n] + (src[at + 2 * n + 1] << 8) : end;
        huffmanStream(this.huffman, src, from, to, out, part * n, n < 3 ? part * (n + 1) : size);
        from = to;
      }
    }
    this.lits = out.subarray(0, size);
    return end;
  }

  readTable(name, mode, at, most) {
    const {src} = this;
    if (mode === 0) this.tables[name] = fseTable(...DEFAULTS[name]);
    else if (mode === 1) {
      this.tables[name] = {log: 0, symbol: [src[at]], bits: [0], base: [0]};
      return at + 1;
    } else if (mode === 2) {
      [this.tables[name], at] = readFse(src, at, most);
    } else if (!this.tables[name]) fault('a code that is not there is used again');
    return at;
  }

  block(at, end) {
    at = this.readLiterals(at);
    const {src} = this;
    let count = src[at++];
    if (count > 127) count = count === 255 ? src[at++] + (src[at++] << 8) + 0x7f00 : ((count - 128) << 8) + src[at++];
    if (count === 0) return this.put(this.lits, 0, this.lits.length);
    const modes = src[at++];
    at = this.readTable('ll', modes >> 6, at, 9);
    at = this.readTable('of', (modes >> 4) & 3, at, 8);
    at = this.readTable('ml', (modes >> 2) & 3, at, 9);
    this.sequences(count, new Backward(src, at, end));
  }

  /** Carries out the sequences of a block. What it has in hand stands in variables of its own, as this is where the time goes. */
  sequences(count, stream) {
    const {lits, out, src, offsets, tables: {ll, of, ml}} = this, {from: begin} = stream, size = out.length;
    const {symbol: llSymbol, bits: llBits, base: llBase} = ll, {symbol: ofSymbol, bits: ofBits, base: ofBase} = of, {symbol: mlSymbol, bits: mlBits, base: mlBase} = ml;
    let bit = stream.at, taken = 0, at = this.at, [first, second, third] = offsets;
    const read = (many) => {
      bit -= many;
      if (bit < begin) return stream.bits(bit, many);
      const byte = bit >> 3;
      return ((src[byte] | src[byte + 1] << 8 | src[byte + 2] << 16 | src[byte + 3] << 24) >>> (bit & 7)) & ((1 << many) - 1);
    };
    let l = read(ll.log), o = read(of.log), m = read(ml.log);
    for (let n = 0; n < count; n++) {
      const ofCode = ofSymbol[o], mlCode = mlSymbol[m], llCode = llSymbol[l];
      if (ofCode > 29 || mlCode > 52 || llCode > 35) fault('a sequence');
      const value = ofCode > 16 ? (1 << ofCode) + (read(ofCode - 16) << 16) + read(16) : (1 << ofCode) + read(ofCode);
      const length = ML_BASE[mlCode] + read(ML_BITS[mlCode]), before = LL_BASE[llCode] + read(LL_BITS[llCode]);
      if (n + 1 < count) {
        l = llBase[l] + read(llBits[l]);
        m = mlBase[m] + read(mlBits[m]);
        o = ofBase[o] + read(ofBits[o]);
      }
      let offset;
      if (value > 3) { offset = value - 3; third = second; second = first; first = offset; } else {
        const which = value - 1 + (before === 0 ? 1 : 0);
        if (which === 0) offset = first; else {
          offset = which === 1 ? second : which === 2 ? third : first - 1;
          if (which > 1) third = second;
          second = first;
          first = offset;
        }
      }
      if (at + before + length > size) fault('more than was said');
      if (before > 24) { out.set(lits.subarray(taken, taken + before), at); taken += before; at += before; } else for (let k = before; k > 0; k--) out[at++] = lits[taken++];
      let from = at - offset;
      if (from < 0 || offset <= 0) fault('a match begins before the data');
      if (length > 32 && offset >= length) { out.copyWithin(at, from, from + length); at += length; } else for (let k = length; k > 0; k--) out[at++] = out[from++];
    }
    if (taken > lits.length) fault('more literals than there are');
    this.offsets = [first, second, third];
    this.at = at;
    this.put(lits, taken, lits.length);
  }

  put(bytes, from, to) {
    if (this.at + to - from > this.out.length) fault('more than was said');
    this.out.set(bytes.subarray(from, to), this.at);
    this.at += to - from;
  }
}

/** Returns the bytes of a frame that says how long it is. */
export function decompress(bytes) {
  const src = new Uint8Array(bytes.length + 8);
  src.set(bytes);
  if (src[0] !== 0x28 || src[1] !== 0xb5 || src[2] !== 0x2f || src[3] !== 0xfd) fault('it is no Zstandard frame');
  const flags = src[4], single = (flags >> 5) & 1, width = [single, 2, 4, 8][flags >> 6];
  if (!width || flags & 3) fault('a frame without a size, or with a dictionary');
  let at = 5 + (single ? 0 : 1), size = 0;
  for (let n = width - 1; n >= 0; n--) size = size * 256 + src[at + n];
  if (width === 2) size += 256;
  at += width;
  const out = new Uint8Array(size), frame = new Frame(src, out);
  for (let last = 0; !last;) {
    if (at + 3 > bytes.length) fault('it ends too early');
    const head = src[at] | src[at + 1] << 8 | src[at + 2] << 16, kind = (head >> 1) & 3, length = head >> 3;
    last = head & 1;
    at += 3;
    if (kind === 1) { out.fill(src[at], frame.at, frame.at + length); frame.at += length; at += 1; continue; }
    if (kind === 0) frame.put(src, at, at + length);
    else if (kind === 2) frame.block(at, at + length);
    else fault('a block of no kind');
    at += length;
  }
  if (frame.at !== size) fault('less than was said');
  return out;
}
