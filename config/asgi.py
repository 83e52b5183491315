import os
from typing import cast

import django

os.umask(0o077)  # files of the service are its own
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

# These need the apps, loaded above.
from forge.api.asgi.access_log import AccessLogMiddleware  # noqa: E402
from forge.api.asgi.admission import AdmissionMiddleware  # noqa: E402
from forge.api.asgi.content_type import ContentTypeMiddleware  # noqa: E402
from forge.api.asgi.cors import CorsMiddleware  # noqa: E402
from forge.api.asgi.disconnect import DisconnectMiddleware  # noqa: E402
from forge.api.asgi.django_handler import ThreadHandler  # noqa: E402
from forge.api.asgi.handoff import HandoffMiddleware, StreamMiddleware  # noqa: E402
from forge.api.asgi.lifespan import LifespanMiddleware  # noqa: E402
from forge.api.asgi.request_head import RequestHeadMiddleware  # noqa: E402
from forge.api.asgi.request_size import RequestSizeMiddleware  # noqa: E402
from forge.api.asgi.types import App  # noqa: E402
from forge.limits import raise_soft_limit  # noqa: E402

raise_soft_limit()
_admitted = HandoffMiddleware(AdmissionMiddleware(DisconnectMiddleware(cast(App, ThreadHandler()))))
_bounded = RequestHeadMiddleware(ContentTypeMiddleware(RequestSizeMiddleware(_admitted)))
application = LifespanMiddleware(StreamMiddleware(AccessLogMiddleware(CorsMiddleware(_bounded))))
