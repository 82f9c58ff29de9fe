"""The conversion while it is done."""

import logging
from pathlib import Path

from p2v.conversion import STAGES
from p2v.wizard.looking import conversion, found, log_path
from xeninstall.apply.records import bundle, log_to
from xeninstall.apply.target import STATE
from xeninstall.base.events import Emit, Event, Finished, StageStarted
from xeninstall.wizard.kit import Session, _
from xeninstall.wizard.working import Working


class Converting(Working):
    """Runs the conversion that the answers describe."""

    @classmethod
    def applies(cls, session: Session) -> bool:
        """Nothing is done in a rehearsal."""
        return not session.rehearsal

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Converting")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "Repairs change the images alone; the copy reads what is in use, and the bar shows its rate and the time that is "
            "left. ^L shows the log. ^C stops it in an orderly way; 'Try again', or the same answers later, go on where it "
            "was.\n\n"
            "When something fails, the stage, the cause and what to do stay on this screen. This machine's disks are only "
            "read, whatever happens."
        )

    def titles(self) -> dict[str, str]:
        """See Working."""
        return {name: _(STAGES[name]) for name in conversion(self.session).stages()}

    def perform(self, emit: Emit) -> None:
        """See Working."""
        kept = found(self.session)
        kept.stop.clear()
        STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = log_to(log_path(STATE))
        self.session.done = None

        def tell(event: Event) -> None:
            if isinstance(event, Finished):
                kept.facts = dict(event.facts)
            elif isinstance(event, StageStarted) and event.stage == "copy":
                self.session.draft.set("convert.discard", None)  # it was dropped; what comes now is to be gone on with
            emit(event)

        try:
            conversion(self.session).perform(tell, kept.stop)
        finally:
            logging.getLogger("xeninstall").removeHandler(handler)
            handler.close()

    def stop(self) -> None:
        """See Working."""
        found(self.session).stop.set()

    def log_file(self) -> Path | None:
        """See Working."""
        return log_path(STATE)

    def gather_logs(self) -> Path:
        """See Working."""
        out = next(path for number in range(1, 1000) if not (path := STATE / f"p2v-logs-{number}.tar.gz").exists())
        bundle(out, [log_path(STATE)], self.session.runner)
        return out

    def stop_question(self) -> tuple[str, str]:
        """See Working."""
        kept = _("What was copied stays at the target, and can be gone on with. This machine's disks are as they were.")
        lost = _(
            "This target cannot go on with what was copied: it is removed there where that is possible, and the next try begins "
            "anew. This machine's disks are as they were."
        )
        return _("Stop the conversion?"), kept if conversion(self.session).resumable else lost


# The stages' names, for the catalogs.
def _names() -> tuple[str, ...]:
    return _("Repairs"), _("Login"), _("Block map"), _("Copy"), _("Definition"), _("Comparison"), _("Trial start")
