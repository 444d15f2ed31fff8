// Finds a text in bytes, whatever the case of its ASCII letters.

const fold = new Uint8Array(256).map((_, byte) => byte >= 65 && byte <= 90 ? byte + 32 : byte);

/** Returns the forms that a text has in a record: as it is, and as JSON writes it once and twice. */
export function forms(query) {
  const once = JSON.stringify(query).slice(1, -1), twice = JSON.stringify(once).slice(1, -1);
  return [...new Set([query, once, twice])].map((form) => new TextEncoder().encode(form).map((byte) => fold[byte]));
}

/** Calls `found` with each place from `from` to `to` at which the bytes are; Horspool's method. */
export function each(bytes, needle, from, to, found) {
  const last = needle.length - 1;
  if (last < 0) return;
  const skip = new Int32Array(256).fill(needle.length);
  for (let n = 0; n < last; n++) {
    skip[needle[n]] = last - n;
    if (needle[n] >= 97 && needle[n] <= 122) skip[needle[n] - 32] = last - n;
  }
  const end = needle[last];
  for (let at = from + last; at < to;) {
    const byte = bytes[at];
    if (fold[byte] === end) {
      let n = last - 1, k = at - 1;
      while (n >= 0 && fold[bytes[k]] === needle[n]) { n--; k--; }
      if (n < 0) found(k + 1);
    }
    at += skip[byte];
  }
}

/** Returns some text around a place. */
export function excerpt(bytes, at, length, from, to) {
  const begin = Math.max(from, at - 40), end = Math.min(to, at + length + 80);
  return new TextDecoder().decode(bytes.subarray(begin, end)).replace(/^\ufffd+|\ufffd+$/g, '');
}
