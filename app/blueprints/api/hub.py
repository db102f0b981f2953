"""Pushes to the Hugging Face Hub over the API."""

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import Field

from app.blueprints.api import PREFIX
from app.blueprints.api.options import model_of, options_from
from app.blueprints.api.specification import DatasetPath, answers
from app.blueprints.api.writing import Answer, answer_job, idempotent
from app.core.filters import Filters
from app.core.spec import parse_target
from app.services import hub, tasks
from app.services.export import ExportOptions

bp = APIBlueprint("api_hub", __name__, url_prefix=PREFIX, abp_tags=[Tag(name="files")])

_PAIRS = model_of(Filters, leave_out=("ids", "answered"), lists=True)
_EXPORT = model_of(
    ExportOptions, leave_out=("format", "layout", "target", "filters", "compression", "bom", "spreadsheet_safe")
)


class PushBody(_PAIRS, _EXPORT):  # type: ignore[valid-type, misc]
    """What to push where. The token is that of the server: HF_TOKEN, or the one that was kept."""

    repo: str = Field(description="the dataset on the Hub: OWNER/NAME")
    public: bool = Field(False, description="let everybody see it, where it is made now")
    message: str = Field("", description="what the commit says")


@bp.post("/datasets/<int:dataset_id>/push", responses=answers(200, 202))
@idempotent
def push(path: DatasetPath, body: PushBody) -> Answer:
    """Push a dataset to the Hub as one commit; private where it is new. 202 with a job."""
    options = options_from(ExportOptions, body).complete(parse_target("huggingface"), options_from(Filters, body))
    run = hub.PushRun(path.dataset_id, body.repo, options, body.public, body.message)
    return answer_job(tasks.start(hub.PUSH, run))
