// Runs with `node -e <this> PORT PATH` until there is an image: healthy at PATH, 503 everywhere else.
const [port, path] = process.argv.slice(1);

require('http')
  .createServer((request, response) => {
    response.writeHead(request.url === path ? 200 : 503);
    response.end();
  })
  .listen(Number(port));
