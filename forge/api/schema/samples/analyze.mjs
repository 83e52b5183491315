// Node.js 20 or later. In a browser the files come from an <input type="file">.
import { openAsBlob } from "node:fs";

const { BASE, KEY } = process.env;
const call = async (path, body, headers = {}) => {
  const unique = { "X-API-Key": KEY, "Idempotency-Key": crypto.randomUUID() };
  const response = await fetch(BASE + "/image-forge-api/v1" + path, {
    method: "POST", body, headers: { ...unique, ...headers },
  });
  if (!response.ok) throw new Error((await response.json()).error);
  return response;
};

const form = new FormData();
for (const name of ["cat.jpg", "coffee.jpg"]) form.append("images[]", await openAsBlob(name), name);
const { sessionId, images } = await (await call("/sessions/upload", form)).json();

const json = { "Content-Type": "application/json" };
const stream = await call(`/sessions/${sessionId}/analyze`, JSON.stringify({ images }), json);
let text = "";
for await (const chunk of stream.body.pipeThrough(new TextDecoderStream())) {
  const blocks = (text + chunk).split("\n\n");
  text = blocks.pop();
  for (const block of blocks) {
    const field = (name) => block.match(new RegExp(`^${name}: (.*)$`, "m"))?.[1];
    console.log(field("id"), field("event"), JSON.parse(field("data")));
  }
}
