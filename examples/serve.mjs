import {createServer} from 'node:http';

/** Serve at this port, or at the next one that is free. */
export function serve(app, name, port) {
  const server = createServer(app);
  server.on('listening', () => console.log(`${name}: http://127.0.0.1:${server.address().port}`));
  server.on('error', error => {
    if (error.code !== 'EADDRINUSE') throw error;
    serve(app, name, port + 1);
  });
  server.listen(port, '127.0.0.1');
}
