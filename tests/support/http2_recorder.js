// An HTTP/2 server, node's own, that tells of each request on stdout and answers 200.
//
//   node http2_recorder.js [CERTIFICATE KEY]
//
// With a certificate it speaks TLS. The first line is its port; then comes, before each
// answer, one JSON object: `fields` and `trailers` in the order of the wire as [name, value]
// (each character is a byte), `size` and `sha256` of the content, `peer` (the client's port)
// and `serverName`.
'use strict';

const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const http2 = require('node:http2');

const MOST_FIELDS = 10000;

function pairs(raw) {
  const found = [];
  for (let at = 0; at < raw.length; at += 2) found.push([raw[at], raw[at + 1]]);
  return found;
}

function onStream(stream, headers, _flags, raw) {
  const { remotePort: peer, servername: serverName } = stream.session.socket;
  const hash = createHash('sha256');
  let size = 0;
  let trailers = [];
  if (headers.expect === '100-continue') stream.additionalHeaders({ ':status': 100 });
  stream.on('trailers', (_headers, _flags, given) => { trailers = pairs(given); });
  stream.on('data', (piece) => { size += piece.length; hash.update(piece); });
  stream.on('error', (error) => console.error(`stream ${stream.id}: ${error.message}`));
  // Trailers are told in the tick of the end, perhaps after it.
  stream.on('end', () => setImmediate(() => {
    const sha256 = hash.digest('hex');
    console.log(JSON.stringify({
      fields: pairs(raw), trailers, size, sha256, peer, serverName: serverName || null,
    }));
    if (stream.destroyed) return;
    stream.respond({ ':status': 200 });
    stream.end('ok');
  }));
}

const [certificate, key] = process.argv.slice(2);
const options = { maxHeaderListPairs: MOST_FIELDS, settings: { maxHeaderListSize: 1 << 20 } };
const server = certificate
  ? http2.createSecureServer({ ...options, cert: readFileSync(certificate), key: readFileSync(key) })
  : http2.createServer(options);
server.on('stream', onStream);
server.on('sessionError', (error) => console.error(`session: ${error.message}`));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
