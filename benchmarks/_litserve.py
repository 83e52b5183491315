"""The same engine behind LitServe: `python -m benchmarks._litserve PORT WAIT_S`."""

import sys

import litserve
from fastapi import Request

from benchmarks._engine import BATCH, BatchPipeline


class Api(litserve.LitAPI):  # type: ignore[misc]  # not installed where types are checked
    def setup(self, device: str) -> None:
        self.pipeline = BatchPipeline()

    # LitServe derives from this annotation that the body is a form, not JSON.
    def decode_request(self, request: Request) -> bytes:
        data: bytes = request["content"].file.read()
        return data

    def batch(self, inputs: list[bytes]) -> list[bytes]:
        return inputs

    def predict(self, x: list[bytes]) -> list[dict[str, object]]:
        return self.pipeline(x)

    def unbatch(self, output: list[dict[str, object]]) -> list[dict[str, object]]:
        return output

    def encode_response(self, output: dict[str, object]) -> dict[str, object]:
        return output


if __name__ == "__main__":
    api = Api(max_batch_size=BATCH, batch_timeout=float(sys.argv[2]))
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, timeout=600)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, generate_client_file=False)
