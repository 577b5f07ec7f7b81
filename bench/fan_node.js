// The Node server that rfqd's fan-out is compared with: what a text says that comes on /control goes to everybody
// else, by the library's documented broadcast over one prepared Buffer; no compression, no UTF-8 check of ours.
'use strict';
const { WebSocketServer } = require('ws');

const options = { binary: false, compress: false };
const server = new WebSocketServer({
  host: '127.0.0.1', port: 0, backlog: 1024, perMessageDeflate: false, clientTracking: false, skipUTF8Validation: true,
});
const receivers = new Set();

server.on('connection', (socket, request) => {
  if (request.url === '/control') {
    socket.on('message', (data) => {
      for (const receiver of receivers) receiver.send(data, options);
    });
  } else {
    receivers.add(socket);
    socket.on('close', () => receivers.delete(socket));
  }
  socket.on('error', () => {});
});
server.on('listening', () => process.stdout.write(`listening ${server.address().port}\n`));
