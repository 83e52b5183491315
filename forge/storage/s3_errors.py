"""boto3's exceptions as FileNotFoundError, StorageFull and StorageUnavailable, with a reason in words."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions

from forge.errors import StorageFull
from forge.storage.errors import StorageUnavailable

_GONE = {"NoSuchKey", "404", "NotFound"}
_FULL = {
    "QuotaExceeded", "InsufficientStorage", "InsufficientCapacity", "XMinioStorageFull",
    "XMinioAdminBucketQuotaExceeded", "507",
}  # fmt: skip
_REASONS = {
    "NoSuchBucket": "there is no such bucket",
    "AccessDenied": "these credentials may not do this",
    "AllAccessDisabled": "the store has disabled all access to the bucket",
    "403": "these credentials may not do this",
    "InvalidAccessKeyId": "the store has no such access key",
    "SignatureDoesNotMatch": "the secret key is not the one of the access key",
    "ExpiredToken": "the credentials have expired",
    "RequestTimeTooSkewed": "the clock of this machine is too far from the store's: synchronize it (NTP)",
    "SlowDown": "the store gets too many requests",
    "PermanentRedirect": "the bucket is in another region: add ?region= to the address",
    "AuthorizationHeaderMalformed": "the bucket is in another region: add ?region= to the address",
}


@contextmanager
def translated(address: str, operation: str) -> Iterator[None]:
    """Raise the storage's errors in place of boto3's."""
    try:
        yield
    except exceptions.ClientError as error:
        raise client_error(error, address, operation) from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        reason = "no credentials are set (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
        raise StorageUnavailable(f"{address}: {reason}") from error
    except (exceptions.BotoCoreError, exceptions.HTTPClientError) as error:
        raise StorageUnavailable(f"{address} does not answer ({type(error).__name__}: {error})") from error


def client_error(error: exceptions.ClientError, address: str, operation: str) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    if code in _GONE:
        return FileNotFoundError(f"{address} has no such object")
    if {code, status} & _FULL:
        return StorageFull()
    reason = _REASONS.get(code, "the store refused the request")
    return StorageUnavailable(f"{address}: {reason} ({operation}: {code or status})")
