// Runs with `node -e <this> PORT PATH` inside the container: exits with 0 when its own server answers PATH with a 2xx.
// No template literals: scanners take a dollar with braces for a parameter that lost its Fn::Sub.
const [port, path] = process.argv.slice(1);

fetch('http://127.0.0.1:' + port + path).then(
  (answer) => process.exit(answer.ok ? 0 : 1),
  () => process.exit(1),
);
