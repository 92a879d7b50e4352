import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTraceparent, traceIdOf, traceparent } from '../../src/platform/trace.ts';

const id = '5759e988bd862e3fe1be46a994272793';

test("a request keeps its caller's trace, else the load balancer's, else gets one", () => {
  const amazon = { 'x-amzn-trace-id': 'Self=1-67891234-12456789abcdef012345678;Root=1-5759e988-bd862e3fe1be46a994272793' };
  assert.equal(traceIdOf({ traceparent: `00-${id}-00f067aa0ba902b7-01` }), id);
  assert.equal(traceIdOf(amazon), id);
  assert.equal(traceIdOf({ ...amazon, traceparent: 'nonsense' }), id);
  assert.match(traceIdOf({}), /^[0-9a-f]{32}$/);
  assert.notEqual(traceIdOf({}), traceIdOf({}));
});

test('what is sent on is read again', () => {
  assert.equal(parseTraceparent(traceparent(id)), id);
});

test('a header that is not valid is none', () => {
  for (const value of [undefined, '', 7, `00-${id}`, `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, `00-${id}-${'0'.repeat(16)}-01`, `00-${id.toUpperCase()}-00f067aa0ba902b7-01`]) {
    assert.equal(parseTraceparent(value), undefined, String(value));
  }
});
