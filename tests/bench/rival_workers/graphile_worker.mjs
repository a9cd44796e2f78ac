// graphile-worker with a job that does nothing: `node graphile_worker.mjs URL JOBS CONCURRENCY LOCAL_QUEUE`.
// It loads the jobs, says `ready`, waits for a line, and drains until it is ended. Run where the package is installed.

import { createRequire } from "node:module";
import { once } from "node:events";

const require = createRequire(process.cwd() + "/");
const { run, makeWorkerUtils, Logger } = require("graphile-worker");
const [url, jobs, concurrency, localQueue] = process.argv.slice(2);
const logger = new Logger(() => () => {});

const utils = await makeWorkerUtils({ connectionString: url, logger });
await utils.migrate();
await utils.withPgClient(async (client) => {
  await client.query(
    `select graphile_worker.add_jobs(array(
       select json_populate_record(null::graphile_worker.job_spec, '{"identifier": "noop", "payload": {}}')
       from generate_series(1, $1::int)))`,
    [Number(jobs)],
  );
  await client.query("vacuum analyze");
});
await utils.release();

process.stdout.write("ready\n");
await once(process.stdin, "data");
const size = Number(localQueue);
await run({
  logger,
  noHandleSignals: true,
  taskList: { noop: async () => {} },
  preset: {
    worker: {
      connectionString: url,
      concurrentJobs: Number(concurrency),
      ...(size > 0 && { localQueue: { size }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }),
    },
  },
});
