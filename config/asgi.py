import os
from typing import cast

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_django = get_asgi_application()

# These need the apps, loaded above.
from forge.api.handoff import App, HandoffMiddleware, RequestSizeMiddleware  # noqa: E402
from forge.api.traffic import TrafficMiddleware  # noqa: E402

application = TrafficMiddleware(RequestSizeMiddleware(HandoffMiddleware(cast(App, _django))))
