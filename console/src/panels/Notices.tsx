import type { Problem } from "../domain";
import { useWords } from "../i18n/i18n";
import type { MessageKey } from "../i18n/messages";
import { dismiss } from "../state/actions";
import type { Notice } from "../state/state";
import { useSelect } from "../state/store";
import { Icon } from "../ui/Icon";

function ProblemText({ problem }: { problem: Problem }) {
  const { t } = useWords();
  if (problem.status === null) return <p>{t("notice.unanswered")}</p>;
  return (
    <>
      <p>{problem.detail || problem.title}</p>
      {problem.faults.length > 0 ? (
        <ul>
          {problem.faults.map((one) => (
            <li key={one.place + one.what}>
              {one.place ? <b>{one.place}: </b> : null}
              {one.what}
              {one.right ? `; ${one.right}` : ""}
            </li>
          ))}
        </ul>
      ) : null}
      {problem.violations.length > 0 ? (
        <ul>
          {problem.violations.map((one) => (
            <li key={`${one.sortie} ${one.seq} ${one.rule} ${one.reason}`}>
              <b>{one.rule}: </b>
              {one.reason}
            </li>
          ))}
        </ul>
      ) : null}
    </>
  );
}

function One({ notice }: { notice: Notice }) {
  const { t } = useWords();
  return (
    <li
      className="notice"
      data-tone={notice.tone}
      role={notice.tone === "bad" ? "alert" : "status"}
    >
      <div>
        <strong>{t(notice.title as MessageKey)}</strong>
        {notice.problem ? <ProblemText problem={notice.problem} /> : null}
        {notice.lines.map((one) => (
          <p key={one}>{one}</p>
        ))}
      </div>
      <button type="button" className="ghost" onClick={() => dismiss(notice.id)}>
        <Icon name="close" label={t("notice.dismiss")} />
      </button>
    </li>
  );
}

export function Notices() {
  const notices = useSelect((s) => s.notices);
  return (
    <ul className="notices">
      {notices.map((one) => (
        <One key={one.id} notice={one} />
      ))}
    </ul>
  );
}
