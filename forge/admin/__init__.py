"""Admin pages for operators: accounts, keys, sessions, jobs, analyses, events and the ledger."""

from django.contrib import admin

from forge.admin.accounts import AccountAdmin
from forge.admin.analyses import ImageAnalysisAdmin
from forge.admin.credits import CreditEntryAdmin
from forge.admin.events import JobEventAdmin
from forge.admin.jobs import JobAdmin
from forge.admin.keys import ApiKeyAdmin
from forge.admin.sessions import SessionAdmin

__all__ = [
    "AccountAdmin", "ApiKeyAdmin", "CreditEntryAdmin", "ImageAnalysisAdmin", "JobAdmin", "JobEventAdmin",
    "SessionAdmin",
]  # fmt: skip

admin.site.site_header = "Image Forge"
admin.site.site_title = "Image Forge"
admin.site.index_title = "Operations"
