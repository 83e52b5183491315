import { files, variable } from "./files";
import { client } from "./hey/client.gen";
import { sessionsAnalyze, sessionsUpload } from "./hey/sdk.gen";
import type { JobEvent } from "./hey/types.gen";

async function main() {
  client.setConfig({ baseUrl: variable("BASE"), auth: variable("KEY") });
  const { data } = await sessionsUpload({ body: { "images[]": files() }, throwOnError: true });
  const { stream } = await sessionsAnalyze({
    path: { sessionId: data.sessionId },
    body: { images: data.images },
    // A broken stream makes this client repeat the POST with Last-Event-ID; at once, for the test.
    sseMaxRetryDelay: 0,
  });
  const events: JobEvent[] = [];
  for await (const event of stream) {
    if (typeof event === "object" && "jobId" in event && !("images" in event)) events.push(event);
  }
  console.log(JSON.stringify(events));
}

void main();
