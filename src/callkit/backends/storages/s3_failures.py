"""Where the errors of botocore become those of storages."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore import exceptions as boto

from callkit.errors import BlobNotFoundError, StorageError

__all__ = ["NO_CREDENTIALS", "code_of", "may_pass", "translated"]

NO_CREDENTIALS = (
    "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give this machine "
    "a role"
)

_UNREACHABLE = (boto.ConnectionError, boto.HTTPClientError)
_INTERRUPTED = (boto.IncompleteReadError,)
_PASSING = frozenset({"SlowDown", "RequestTimeout", "Throttling", "ThrottlingException", "TooManyRequests"})
_PASSING_STATUS = frozenset({429, 500, 502, 503, 504})

_KEY = "the access key is not known there: check AWS_ACCESS_KEY_ID"
_TOKEN = "the session token is not valid any more: get new credentials"
_REGION = "the bucket is in another region: add ?region=… to the URL"
_RIGHTS = (
    "the credentials do not allow it: allow s3:ListBucket and s3:ListBucketMultipartUploads on the bucket, and "
    "s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on what is in it"
)
_WHY: Mapping[str, str] = {
    "NoSuchBucket": "there is no such bucket: create it, or correct the URL",
    "InvalidAccessKeyId": _KEY,
    "SignatureDoesNotMatch": "the secret key does not fit the access key: check AWS_SECRET_ACCESS_KEY",
    "ExpiredToken": _TOKEN,
    "InvalidToken": _TOKEN,
    "TokenRefreshRequired": _TOKEN,
    "AccessDenied": _RIGHTS,
    "AllAccessDisabled": _RIGHTS,
    "RequestTimeTooSkewed": "the clock of this machine is wrong: set it",
    "PermanentRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "PreconditionFailed": "it was replaced while it was read: open it again",
}


@contextmanager
def translated(place: str, key: str) -> Iterator[None]:
    """What fails inside, fails as a storage does.

    Raises:
        BlobNotFoundError: the server has no such key.
        StorageError: anything else. What the server wrote is not repeated: it may quote what was signed.
    """
    try:
        yield
    except boto.ClientError as error:
        if code_of(error) == "NoSuchKey":
            raise BlobNotFoundError(key) from None
        raise StorageError(place, key, _answer(error)) from error
    except boto.BotoCoreError as error:
        raise StorageError(place, key, _trouble(error)) from error


def code_of(error: Exception) -> str:
    """The code of S3's answer, such as "NoSuchKey"; "" if there was none."""
    response: Mapping[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


def may_pass(error: Exception) -> bool:
    """Whether the server was away, or too busy."""
    if isinstance(error, boto.ClientError):
        return code_of(error) in _PASSING or _status(error) in _PASSING_STATUS
    return isinstance(error, _UNREACHABLE + _INTERRUPTED) and not _is_distrusted(error)


def _status(error: Exception) -> int:
    response: Mapping[str, Any] = getattr(error, "response", {})
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _is_distrusted(error: Exception) -> bool:
    return isinstance(error, boto.SSLError) and "CERTIFICATE" in str(error)


def _answer(error: Exception) -> str:
    code, status = code_of(error), _status(error)
    if why := _WHY.get(code):
        return why
    if status == 403:
        return _RIGHTS
    if may_pass(error):
        return f"the server answered {code or status}, and went on doing so: look at it, or try again later"
    return f"the server answered {code or status}: its log or its manual says why"


def _trouble(error: Exception) -> str:
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError):
        return NO_CREDENTIALS
    if isinstance(error, boto.ProfileNotFound):
        return "the profile is not in the AWS configuration: correct AWS_PROFILE, or add it with `aws configure`"
    if _is_distrusted(error):
        return "its certificate is not trusted: name the authority's file in AWS_CA_BUNDLE"
    if isinstance(error, _UNREACHABLE + _INTERRUPTED):
        return f"the server can't be reached ({type(error).__name__}): check the endpoint, and that it runs"
    return f"{type(error).__name__}: check the AWS_… variables and the AWS configuration"
