import { fetchEventSource } from "@microsoft/fetch-event-source";

import { files, variable } from "./files";

// The library is for browsers.
Object.assign(globalThis, { window: globalThis, document: new EventTarget() });

async function main() {
  const api = `${variable("BASE")}/image-forge-api/v1`;
  const headers = { "X-API-Key": variable("KEY") };
  const body = new FormData();
  for (const file of files()) body.append("images[]", file);
  const session = await (await fetch(`${api}/sessions/upload`, { method: "POST", headers, body })).json();
  const events: unknown[] = [];
  await fetchEventSource(`${api}/sessions/${session.sessionId}/analyze`, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify(session),
    openWhenHidden: true,
    onmessage: ({ data }) => void events.push(JSON.parse(data)), // fails on an event without data
    onerror: () => 0, // retries at once, for the test, with Last-Event-ID
  });
  console.log(JSON.stringify(events));
}

void main();
