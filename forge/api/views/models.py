from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from forge.api.model_families import FamilySerializer, family_representations
from forge.api.pagination import NewestFirstPagination
from forge.api.schema import error_responses


class ModelListView(APIView):
    pagination_class = NewestFirstPagination

    @extend_schema(
        operation_id="models_list", tags=["service"], responses={200: FamilySerializer(many=True), **error_responses()}
    )
    def get(self, request: Request) -> Response:
        """The families of models, which of them is loaded, their languages and their options with bounds."""
        return Response({"data": family_representations(), "nextCursor": None})
