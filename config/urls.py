from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("forge.api.urls")),
]

handler400 = "forge.api.errors.bad_request"
handler404 = "forge.api.errors.not_found"
handler500 = "forge.api.errors.server_error"
