// Stands in for a worker's code until there is some. It throws: one that returned would have eaten its messages.
exports.handler = async () => {
  throw new Error('no code is deployed for this worker yet');
};
