from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis_options import translations_of
from forge import selectors
from forge.api.account import account_of
from forge.api.options import effective_options
from forge.api.pagination import NewestFirstPagination
from forge.api.schema import error_responses
from forge.api.serializers import BalanceSerializer, CheckRequest, CheckSerializer, CreditEntrySerializer
from forge.credits import quotes
from forge.errors import InsufficientCredits, InvalidRequest, OptionUnsupported
from forge.models import Account, Job
from forge.operations import families


class BalanceView(APIView):
    @extend_schema(operation_id="credits_balance", responses={200: BalanceSerializer, **error_responses()})
    def get(self, request: Request) -> Response:
        """The account's balance."""
        return Response(BalanceSerializer(account_of(request)).data)


class CheckView(APIView):
    @extend_schema(
        operation_id="credits_check",
        request=CheckRequest,
        responses={200: CheckSerializer, **error_responses(InvalidRequest, InsufficientCredits, OptionUnsupported)},
    )
    def post(self, request: Request) -> Response:
        """Check whether the account can pay for so many images, each in the languages of its options. 402 if it cannot.

        Nothing is charged or reserved.
        """
        serializer = CheckRequest(data=request.data)
        serializer.is_valid(raise_exception=True)
        account, asked = account_of(request), serializer.validated_data
        languages = _languages(account, asked["options"]) if asked["action"] == Job.Action.ANALYZE else 1
        offer = quotes.quote(account=account, action=asked["action"], images=asked["imageCount"], languages=languages)
        content = {"balance": offer.balance, "cost": offer.cost, "remaining": offer.remaining}
        several = {"languages": languages} if languages > 1 else {}
        return Response({"sufficient": True, **content, **several})


def _languages(account: Account, requested: dict[str, Any]) -> int:
    """Return in how many languages an analysis with these options describes an image. Raises OptionUnsupported."""
    options = effective_options(account, requested)
    families.options_require(account, options, requested=requested)
    return 1 + len(translations_of(options))


class LedgerView(APIView):
    pagination_class = NewestFirstPagination

    @extend_schema(
        operation_id="credits_ledger",
        responses={200: CreditEntrySerializer(many=True), **error_responses(InvalidRequest)},
    )
    def get(self, request: Request) -> Response:
        """Every change of the account's credits, newest first. The amounts add up to the balance."""
        paginator = NewestFirstPagination()
        page = paginator.paginate_queryset(selectors.ledger_of(account_of(request)), request, self)
        return paginator.get_paginated_response([CreditEntrySerializer(entry).data for entry in page or []])
