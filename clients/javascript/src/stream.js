// @ts-check
/**
 * One event of a job.
 * @typedef {{id: number, type: 'progress' | 'result' | 'error' | 'complete', data: any}} JobEvent
 */

/**
 * Yield the events of a response as they arrive.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<JobEvent, void, void>}
 */
export async function* eventsOf(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let buffer = '';
  try {
    for (;;) {
      const {done, value} = await reader.read();
      if (done) return;
      buffer += decoder.decode(value, {stream: true});
      for (let end; (end = buffer.indexOf('\n\n')) >= 0; buffer = buffer.slice(end + 2)) {
        const event = eventOf(buffer.slice(0, end));
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});  // also where the caller stops early
  }
}

/** @param {string} block @returns {JobEvent | null} */
function eventOf(block) {
  /** @type {Record<string, string>} */
  const fields = {};
  for (const line of block.split('\n')) {
    const [, name, value] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];  // comments have no name
    if (name) fields[name] = value;
  }
  if (!fields.data) return null;
  return {id: Number(fields.id), type: /** @type {any} */ (fields.event), data: JSON.parse(fields.data)};
}
