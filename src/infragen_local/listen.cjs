// Loaded into every Node process of a task (node --require). A task on AWS has an address of its own; here it has one of
// the loopback addresses, in INFRAGEN_TASK_ADDRESS, and INFRAGEN_TASK_PORTS says "3000:3000" for a port that keeps its
// number there and "3000:49152" where only 127.0.0.1 can be had. A server that names no host, or all of them, listens
// at that address and nowhere else; a connection of the task to itself (127.0.0.1:3000) finds it there.
'use strict';

const net = require('node:net');

const address = process.env.INFRAGEN_TASK_ADDRESS;
const ports = new Map((process.env.INFRAGEN_TASK_PORTS || '').split(',').filter(Boolean).map((pair) => pair.split(':').map(Number)));
const anywhere = new Set([undefined, null, '', '0.0.0.0', '::', '127.0.0.1', '::1', 'localhost']);
const itself = new Set([undefined, null, '', '0.0.0.0', '127.0.0.1', '::1', 'localhost']);
const isPort = (value) => typeof value === 'number' || (typeof value === 'string' && /^\d+$/.test(value));

const moved = (options) =>
  anywhere.has(options.host) ? { ...options, host: address, port: ports.get(Number(options.port)) ?? options.port } : options;

const { listen } = net.Server.prototype;
net.Server.prototype.listen = function (first, ...rest) {
  if (isPort(first)) {
    const host = typeof rest[0] === 'string' || rest[0] === null ? rest.shift() : undefined;
    const backlog = typeof rest[0] === 'number' || rest[0] === null ? rest.shift() : undefined;
    return listen.call(this, moved({ port: first, host, ...(backlog === undefined || backlog === null ? {} : { backlog }) }), ...rest);
  }
  if (first && typeof first === 'object' && isPort(first.port)) return listen.call(this, moved(first), ...rest);
  if (first === undefined || first === null || typeof first === 'function') {
    return listen.call(this, { port: 0, host: address }, ...(typeof first === 'function' ? [first] : []), ...rest);
  }
  return listen.call(this, first, ...rest);
};

const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...values) {
  // net.connect hands over its normalised arguments as one array with the options first.
  const options = Array.isArray(values[0]) ? values[0][0] : values[0];
  if (options && typeof options === 'object' && isPort(options.port) && itself.has(options.host) && ports.has(Number(options.port))) {
    options.host = address;
    options.port = ports.get(Number(options.port));
  }
  return connect.apply(this, values);
};
