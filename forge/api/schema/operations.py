"""How views and serializers are mapped to operations and components of the OpenAPI document."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema

from forge.api.schema.headers import GENERAL, RATE, Parameters
from forge.api.serializers import OptionalFieldsSerializer


class OperationSchema(AutoSchema):
    """Take an endpoint's summary from the first sentence of its docstring, its description from the rest."""

    def get_summary(self) -> str | None:
        return super().get_description().partition(". ")[0].rstrip(".") or None

    def get_description(self) -> str:  # type: ignore[override]  # the stubs take DRF's AutoSchema
        return super().get_description().partition(". ")[2]

    def get_override_parameters(self) -> Parameters:
        return [*GENERAL, *RATE] if self.get_auth() else GENERAL

    def get_operation(self, *arguments: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*arguments)
        if operation is not None:
            operation.setdefault("security", [])  # explicit where no key is needed
        return operation

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        # drf-spectacular appends "Request" to the names of request bodies.
        return str(super().get_serializer_name(serializer, direction)).removesuffix("Request")


class OptionalFieldsSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Omit the optional fields from `required`."""

    target_class = OptionalFieldsSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        shape = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        shape["required"] = [name for name in shape["required"] if name not in self.target.optional]
        return shape
