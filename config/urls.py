from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("", include("forge.studio.urls")),
    path("", include("forge.api.urls")),
]

handler400 = "forge.api.errors.bad_request"
handler404 = "forge.api.errors.not_found"
handler500 = "forge.api.errors.server_error"
