import createClient from "openapi-fetch";

import { files, variable } from "./files";
import type { components, paths } from "./openapi";

type JobEvent = components["schemas"]["JobEvent"];

async function main() {
  const api = createClient<paths>({ baseUrl: variable("BASE"), headers: { "X-API-Key": variable("KEY") } });
  const form = new FormData();
  for (const file of files()) form.append("images[]", file);
  const uploaded = await api.POST("/image-forge-api/v1/sessions/upload", {
    body: { "images[]": [] },
    bodySerializer: () => form,
  });
  if (!uploaded.data) throw new Error(uploaded.error.error);
  const { sessionId, images } = uploaded.data;
  const { response } = await api.POST("/image-forge-api/v1/sessions/{sessionId}/analyze", {
    params: { path: { sessionId }, header: { "Idempotency-Key": crypto.randomUUID() } },
    body: { images },
    parseAs: "stream",
  });
  const text = await response.text().catch(() => "");
  console.log(JSON.stringify(text === "" ? [] : events(text)));
}

function events(text: string): JobEvent[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1]) as JobEvent);
}

void main();
