"""The main job with the client of openapi-python-client, which tests/e2e/test_generated_clients.py generates."""

import json
import os
import re
import sys
from pathlib import Path

from image_forge_client import AuthenticatedClient
from image_forge_client.api.sessions import sessions_analyze, sessions_upload
from image_forge_client.models import AnalyzeRequest, ImageReferenceRequest, UploadedSession, UploadRequest
from image_forge_client.types import File

client = AuthenticatedClient(os.environ["BASE"], os.environ["KEY"], prefix="", auth_header_name="X-API-Key")
files = [File(payload=path.open("rb"), file_name=path.name) for path in map(Path, sys.argv[1:])]
session = sessions_upload.sync(client=client, body=UploadRequest(images=files))
assert isinstance(session, UploadedSession), session
images = [ImageReferenceRequest(id=image.id, upload_path=image.upload_path) for image in session.images]
stream = sessions_analyze.sync(session.session_id, client=client, body=AnalyzeRequest(images=images))
assert isinstance(stream, str), stream
print(json.dumps([json.loads(data) for data in re.findall(r"^data: (.*)$", stream, re.MULTILINE)]))
