"""One exception class for each error code of docs/api-contract.md."""

from typing import Any, ClassVar


class ForgeError(Exception):
    """Base of all API errors. `members` are added to the error body and fill the placeholders of `message`."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    message: ClassVar[str] = "Something went wrong on our side. Please try again."
    retry_after: int | None = None  # seconds

    def __init__(self, message: str | None = None, **members: Any) -> None:
        self.sentence = message or self.message.format(**members)
        self.members = members
        super().__init__(self.sentence)


class InvalidRequest(ForgeError):
    code = "invalid_request"
    status = 400
    message = "The request is not one this endpoint understands."


class InvalidOption(InvalidRequest):
    """`option` is its name, `accepted` its accepted values in words."""


class InvalidApiKey(ForgeError):
    code = "invalid_api_key"
    status = 401
    message = "Send a valid API key in the X-API-Key header."


class ApiKeyInactive(ForgeError):
    code = "api_key_inactive"
    status = 403
    message = "This API key or its account is not active, or the key has expired."


class InsufficientCredits(ForgeError):
    code = "insufficient_credits"
    status = 402
    message = (
        "This needs {required} credits and the account has {balance}. Nothing was charged. "
        "The operator of this service grants credits."
    )


class NotFound(ForgeError):
    code = "not_found"
    status = 404
    message = "There is no such session, image or job."


class MethodNotAllowed(ForgeError):
    code = "method_not_allowed"
    status = 405
    message = "This address does not answer that HTTP method."


class Conflict(ForgeError):
    code = "conflict"
    status = 409
    message = "Image {imageIds[0]} is already being analysed by job {jobId}. Wait for its end, or read its events."


class SessionExpired(ForgeError):
    code = "session_expired"
    status = 409
    message = "Session {sessionId} has expired. Upload the images again."


class EditConflict(ForgeError):
    code = "edit_conflict"
    status = 409
    message = (
        "The metadata of image {imageId} was changed meanwhile; it is at version {version} now. Nothing was saved: "
        "read it again, and send the correction with that version."
    )


class NothingToResume(ForgeError):
    code = "nothing_to_resume"
    status = 409
    message = (
        "Last-Event-ID resumes a job, and session {sessionId} has no recent one with exactly these images. "
        "Send the request without Last-Event-ID to start one."
    )


class PayloadTooLarge(ForgeError):
    code = "payload_too_large"
    status = 413
    message = "The request is over a limit: {actual} where {limit} is allowed."


SUPPORTED_TYPES = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC"


class RequestLineTooLong(PayloadTooLarge):
    status = 414
    message = "The request line has {actual} bytes; it may have {limit}."


class HeadersTooLarge(PayloadTooLarge):
    status = 431
    message = "The headers have {actual} bytes; they may have {limit} in all."


class RequestTimeout(ForgeError):
    code = "request_timeout"
    status = 408
    message = "The request did not arrive in time. Nothing was charged; please try again."


class UnsupportedImage(ForgeError):
    code = "unsupported_image"
    status = 415
    message = f"The file is not an image of a supported type ({SUPPORTED_TYPES})."


class UnreadableImage(ForgeError):
    code = "unreadable_image"
    status = 422
    message = "The image is damaged and cannot be read."


class UploadPathMismatch(ForgeError):
    code = "upload_path_mismatch"
    status = 422
    message = "The uploadPath is not the one that the upload answered for this image."


class OptionUnsupported(ForgeError):
    """`option` is its name, `family` that of the loaded models, `accepted` what they can do."""

    code = "option_unsupported"
    status = 422
    message = "The loaded models ({family}) do not support options.{option}; they can do: {accepted}."


class AnalysisFailed(ForgeError):
    code = "analysis_failed"
    status = 422
    message = "The image could not be analysed. Its credit was given back."


class ImageGone(ForgeError):
    code = "image_gone"
    status = 422
    message = "The stored file of this image is gone: upload it again. Its credit was given back."


class ExportFailed(ForgeError):
    code = "export_failed"
    status = 422
    message = "The image could not be exported. Its credit was given back."


class NoCaption(ForgeError):
    code = "no_caption"
    status = 422
    message = "The models found no words for this image. Its credit was given back."


class AnalysisTimeout(ForgeError):
    code = "analysis_timeout"
    status = 422
    message = "The analysis of this image took too long. Its credit was given back."


class AnalysisCrashed(ForgeError):
    code = "analysis_crashed"
    status = 422
    message = "The analysis of this image ended a worker again and again. Its credit was given back."


class AnalysisCancelled(ForgeError):
    code = "cancelled"
    status = 422
    message = "The job was cancelled before this image began. Its credit was given back."


class IdempotencyMismatch(ForgeError):
    code = "idempotency_mismatch"
    status = 422
    message = "This Idempotency-Key was sent with another request. Nothing was done; send a new key."


class IdempotencyInProgress(ForgeError):
    code = "idempotency_in_progress"
    status = 409
    message = "The request with this Idempotency-Key is still being accepted. Send it again in a moment."
    retry_after = 1


class StillRunning(ForgeError):
    code = "still_running"
    status = 504
    message = "The analysis takes longer than this request may wait. Job {jobId} goes on: read it at /v1/jobs/{jobId}."
    retry_after = 5


class RateLimited(ForgeError):
    code = "rate_limited"
    status = 429
    message = "The account is over one of its limits. Nothing was charged; please try again later."

    def __init__(self, message: str | None = None, *, retry_after: int = 1, **members: Any) -> None:
        super().__init__(message, **members)
        self.retry_after = retry_after


class QueueFull(ForgeError):
    code = "queue_full"
    status = 429
    message = "{actual} images would wait where {limit} may. Nothing was charged; please try again later."
    retry_after = 30


class Unavailable(ForgeError):
    code = "unavailable"
    status = 503
    message = "A part of the service is away. Nothing was charged; please try again."
    retry_after = 5


class StorageFull(Unavailable):
    message = "The storage is full. Nothing was kept or charged; please try again later."
    retry_after = 30


# The end of sentences about an image that was charged.
REFUNDED = " Its credit was given back."

# The error for each code of `decoding.Undecodable`.
IMAGE_ERRORS: dict[str, type[ForgeError]] = {
    error.code: error for error in (PayloadTooLarge, UnsupportedImage, UnreadableImage)
}
