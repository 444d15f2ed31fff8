// Makes modules of the page's parts, without a server, and starts the page.
(async () => {
  const app = document.getElementById('app');
  const tell = (err) => {
    const said = document.createElement('p');
    said.className = 'fault';
    said.setAttribute('role', 'alert');
    said.textContent = 'This page cannot be shown: ' + (err && err.message || err);
    app.replaceChildren(said);
  };
  // What bytes are as characters of windows-1252.
  const bytes = new Map([...new TextDecoder('windows-1252').decode(Uint8Array.from({length: 256}, (_, n) => n))].map((letter, n) => [letter.charCodeAt(0), n]));
  const escapes = {48: 0, 114: 13, 108: 60, 101: 61};
  const unpack = (text) => {
    const out = new Uint8Array(text.length);
    let length = 0;
    for (let at = 0; at < text.length; at++) {
      let code = text.charCodeAt(at);
      if (code === 61) code = escapes[text.charCodeAt(++at)];
      else if (code > 127) code = bytes.get(code);
      out[length++] = code;
    }
    return out.subarray(0, length);
  };
  try {
    const kind = document.body.dataset.kind;
    let page = document;
    if (kind === 'file' && document.characterSet !== 'windows-1252') {
      // A server said that the page is in another encoding than it is in.
      const whole = await (await fetch(location.href.split('#')[0])).arrayBuffer();
      page = new DOMParser().parseFromString(new TextDecoder('windows-1252').decode(whole), 'text/html');
    }
    const held = page.getElementById('modules').textContent;
    let modules;
    if (kind === 'file') {
      const inflated = new Blob([unpack(held)]).stream().pipeThrough(new DecompressionStream('deflate'));
      modules = JSON.parse(await new Response(inflated).text());
    } else modules = JSON.parse(held);
    const imports = {};
    for (const [name, text] of Object.entries(modules)) {
      imports['viewer/' + name] = URL.createObjectURL(new Blob([text, '\n//# sourceURL=viewer/' + name], {type: 'text/javascript'}));
    }
    const map = document.createElement('script');
    map.type = 'importmap';
    map.textContent = JSON.stringify({imports});
    document.head.append(map);
    const main = await import('viewer/main.js');
    await main.start({app, page, kind, modules, unpack});
  } catch (err) {
    console.error(err);
    tell(err);
  }
})();
