"""The first page of the admin: throughput, outcomes, queue, workers, credits, and failed jobs of today."""

from forge.admin.front_page.context import front_page_context

__all__ = ["front_page_context"]
