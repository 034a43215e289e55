"""Every error of the service has one shape: ``{"error": {"message", "place", "value"?}}``."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from turnwise.serve.schema import ErrorBody, ErrorDetail

CLIENT_GONE = 499
"""What logs and metrics call a request whose client went away (nginx's number); nobody receives it."""


class Fault(Exception):
    """A request that gets an error: what, where in the request, and the value when it is short and plain."""

    def __init__(
        self,
        status: int,
        message: str,
        place: str,
        value: object = None,
        *,
        retry_after: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.detail = ErrorDetail(message=message, place=place, value=_plain(value))
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)

    def response(self) -> Response:
        """The JSON body, without ``value`` where there is none."""
        body = ErrorBody(error=self.detail).model_dump_json(exclude_none=True)
        return Response(body, self.status, self.headers, "application/json")


async def answer_fault(request: Request, error: Exception) -> Response:
    """The response to a Fault."""
    assert isinstance(error, Fault)
    return error.response()


async def answer_http(request: Request, error: Exception) -> Response:
    """Unknown paths and wrong methods, in the service's shape."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 404:
        message, value = "there is no such path; / is a page to try, /openapi.json lists the rest", request.url.path
    elif error.status_code == 405:
        message, value = f"this path takes {headers.get('allow') or headers.get('Allow')}", request.method
    else:
        message, value = str(error.detail), None
    return Fault(error.status_code, message, "path", value, headers=headers).response()


def _plain(value: object) -> str | int | float | bool | None:
    """A value fit for an error body: short texts and ordinary numbers as they are, all else in words."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value if len(value) <= 80 else f"{value[:77]}..."
    if isinstance(value, int):
        return value if value.bit_length() <= 53 else f"an integer of {value.bit_length()} bits"
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    return {"list": "a list", "dict": "an object"}.get(type(value).__name__, type(value).__name__)
