from django.urls import path

from forge.studio.views import page

urlpatterns = [path("", page, name="studio")]
