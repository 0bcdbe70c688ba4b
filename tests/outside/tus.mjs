// Sends one upload with tus-js-client, cuts it, and goes on: prints what was seen as JSON.
import { createHash, randomBytes } from "node:crypto";
import * as tus from "tus-js-client";

const { SERVER, TOKEN, SIZE, CUT_AT, CHUNK } = process.env;
const content = randomBytes(Number(SIZE));
const seen = { sha256: createHash("sha256").update(content).digest("hex"), resumedAt: null };
const options = {
  endpoint: `${SERVER}/uploads`,
  headers: { Authorization: `Bearer ${TOKEN}` },
  metadata: { filename: "noise.bin", filetype: "application/octet-stream" },
  chunkSize: CHUNK ? Number(CHUNK) : Infinity,
  retryDelays: [50, 100, 200],
};

const cut = () =>
  new Promise((resolve, reject) => {
    const upload = new tus.Upload(content, {
      ...options,
      onError: reject,
      onSuccess: () => reject(new Error("it was whole before it was cut")),
      onProgress: (sent) => {
        if (sent >= Number(CUT_AT)) upload.abort().then(() => resolve(upload.url), reject);
      },
    });
    upload.start();
  });

const resume = (uploadUrl) =>
  new Promise((resolve, reject) => {
    const upload = new tus.Upload(content, {
      ...options,
      uploadUrl,
      onError: reject,
      onSuccess: () => resolve(upload.url),
      onAfterResponse: (request, response) => {
        if (request.getMethod() === "HEAD") seen.resumedAt = Number(response.getHeader("Upload-Offset"));
      },
    });
    upload.start();
  });

seen.url = await resume(await cut());
console.log(JSON.stringify(seen));
process.exit(0); // its connections would be kept alive
