import os
from typing import cast

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_django = get_asgi_application()

from forge.api.handoff import App, HandoffMiddleware, RequestSizeMiddleware  # noqa: E402 (needs the apps, loaded above)

application = RequestSizeMiddleware(HandoffMiddleware(cast(App, _django)))
