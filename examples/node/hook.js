// A hook for replayd in Node, of the contract alone: it marks each request, and notes what came.
//
//   npm ci
//   node hook.js unix:replayd.sock
//
// Without an address REPLAYD_ADDRESS says where the daemon is.

'use strict';

const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const { loadSync } = require('@grpc/proto-loader');

const protos = path.join(__dirname, '..', '..', 'protos');
const options = { includeDirs: [protos], enums: String, longs: String };
const definition = loadSync('flowreplay/v1/hook.proto', options);
const { HookService } = grpc.loadPackageDefinition(definition).flowreplay.v1;

const address = process.argv[2] ?? process.env.REPLAYD_ADDRESS;
const daemon = new HookService(address, grpc.credentials.createInsecure());
const stream = daemon.hook();

stream.write({
  registration: {
    hookName: 'node',
    points: ['HOOK_POINT_REQUEST', 'HOOK_POINT_RESPONSE'],
    order: 10,
    latePolicy: 'HOOK_POLICY_CONTINUE',
  },
});

function decide({ callId, point, flow }) {
  if (point === 'HOOK_POINT_REQUEST') {
    flow.request.headers.push({ name: Buffer.from('X-Node'), value: Buffer.from('was here') });
    // What it was, whatever its size: it need not be sent back.
    return { callId, contentKept: true, request: { ...flow.request, content: null } };
  }
  if (flow.response.statusCode >= 500) return { callId, kill: { message: 'the server failed' } };
  return { callId, proceed: {} };
}

stream.on('data', ({ registered, calls }) => {
  if (registered) console.log('registered');
  // Contents above 256 KiB follow in contentChunk messages: nothing here looks at them.
  if (calls) stream.write({ answers: { answers: calls.calls.map(decide) } });
});
stream.on('error', (error) => {
  console.error(error.details);
  process.exit(1);
});
