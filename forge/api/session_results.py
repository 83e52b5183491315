"""Sessions with the results of their images (`?include=results`)."""

from drf_spectacular.utils import extend_schema_serializer

from forge.api.serializers import ImageStateSerializer, SessionSerializer


class SessionImageSerializer(ImageStateSerializer):
    """One image of a session; state and result with `?include=results` alone."""

    optional: tuple[str, ...] = (*ImageStateSerializer.optional, "version", "edited", "status")


@extend_schema_serializer(component_name="Session")
class SessionResultsSerializer(SessionSerializer):
    images = SessionImageSerializer(many=True, source="page")
