from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from forge import selectors
from forge.api.account import account_of
from forge.api.pagination import NewestFirstPagination
from forge.api.schema import error_responses
from forge.api.serializers import BalanceSerializer, CheckRequest, CheckSerializer, CreditEntrySerializer
from forge.credits import quotes
from forge.errors import InsufficientCredits, InvalidRequest


class BalanceView(APIView):
    @extend_schema(operation_id="credits_balance", responses={200: BalanceSerializer, **error_responses()})
    def get(self, request: Request) -> Response:
        """The account's balance."""
        return Response(BalanceSerializer(account_of(request)).data)


class CheckView(APIView):
    @extend_schema(
        operation_id="credits_check",
        request=CheckRequest,
        responses={200: CheckSerializer, **error_responses(InvalidRequest, InsufficientCredits)},
    )
    def post(self, request: Request) -> Response:
        """Check whether the account can pay for so many images. Nothing is charged or reserved. 402 if it cannot."""
        serializer = CheckRequest(data=request.data)
        serializer.is_valid(raise_exception=True)
        offer = quotes.quote(account=account_of(request), images=serializer.validated_data["imageCount"])
        return Response(
            {"sufficient": True, "balance": offer.balance, "cost": offer.cost, "remaining": offer.remaining}
        )


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
