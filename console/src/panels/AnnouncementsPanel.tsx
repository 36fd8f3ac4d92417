// All announcements: their standing, what they say, and what may be done.

import { useState } from "react";
import { useWords } from "../i18n/i18n";
import { type Announcement, type Clip, type Draft, draftOf, EMPTY } from "../said";
import { approve, listenTo, withdraw } from "../state/said";
import { useSelect } from "../state/store";
import { TwoStep } from "../ui/parts";
import { AnnouncementEditor } from "./AnnouncementEditor";

function Standing({ one }: { one: Announcement }) {
  const { t } = useWords();
  return (
    <span className="chip" data-standing={one.standing}>
      {t(`said.standing.${one.standing}`)}
    </span>
  );
}

function Written({ one }: { one: Announcement }) {
  const { t, dateTime } = useWords();
  const facts = [
    t(`said.origin.${one.origin}`),
    one.version !== null && t("said.version", { n: one.version }),
    one.written_by !== null && t("said.written", { who: one.written_by }),
    one.approved_by !== null && t("said.approved", { who: one.approved_by }),
    one.valid_from_utc !== null && `${t("said.from")} ${dateTime(one.valid_from_utc)}`,
    one.valid_until_utc !== null &&
      `${t("said.until")} ${dateTime(one.valid_until_utc)}`,
  ];
  return (
    <>
      <p className="muted">{facts.filter(Boolean).join(" · ")}</p>
      {one.why_not === null ? null : <p className="said-why">{one.why_not}</p>}
      {one.areas.length === 0 ? null : (
        <p className="muted">
          {t("said.areas")}: {one.areas.join(", ")}
        </p>
      )}
    </>
  );
}

function Listen({ id }: { id: string }) {
  const { t } = useWords();
  const [clip, setClip] = useState<Clip | null>(null);
  const [busy, setBusy] = useState(false);
  const press = async () => {
    setBusy(true);
    setClip(await listenTo(id));
    setBusy(false);
  };
  if (clip) {
    // biome-ignore lint/a11y/useMediaCaption: its text stands above
    return <audio controls autoPlay src={clip.url} />;
  }
  return (
    <button type="button" disabled={busy} onClick={() => void press()}>
      {t(busy ? "said.rendering" : "said.listen")}
    </button>
  );
}

function Approval({ one }: { one: Announcement }) {
  const { t } = useWords();
  const session = useSelect((s) => s.session);
  const version = one.version;
  if (one.standing !== "draft" || version === null) return null;
  const own = session?.second_person && session.user?.actor === one.written_by;
  const role = session?.user && session.user.role !== "approver";
  const why = own ? "said.approve.own" : role ? "said.approve.role" : null;
  return (
    <>
      <small className="muted">
        {t(why ?? (session?.second_person ? "said.two" : "said.one"))}
      </small>
      <TwoStep
        className="primary"
        disabled={why !== null}
        sure={t("said.approve.sure")}
        onConfirm={() => void approve(one.id, version)}
      >
        {t("said.approve", { n: version })}
      </TwoStep>
    </>
  );
}

function Withdrawal({ one }: { one: Announcement }) {
  const { t } = useWords();
  const [reason, setReason] = useState("");
  if (one.standing === "withdrawn" || one.origin === "mission") return null;
  return (
    <div className="said-withdraw">
      <input
        aria-label={t("said.withdraw.why")}
        placeholder={t("said.withdraw.why")}
        maxLength={300}
        value={reason}
        onChange={(event) => setReason(event.target.value)}
      />
      <TwoStep
        disabled={false}
        sure={t("said.withdraw.sure")}
        onConfirm={() => void withdraw(one.id, reason)}
      >
        {t("said.withdraw")}
      </TwoStep>
    </div>
  );
}

function Card({
  one,
  open,
  flip,
  edit,
}: {
  one: Announcement;
  open: boolean;
  flip(): void;
  edit(draft: Draft): void;
}) {
  const { t } = useWords();
  const texts = one.wordings.length > 0 ? one.wordings : one.utterances;
  const keyed = texts.map((w, i) => ({ ...w, key: `${i} ${w.lang}` }));
  return (
    <li className="card said" data-announcement={one.id}>
      <p className="said-head">
        <button type="button" className="link" aria-expanded={open} onClick={flip}>
          {one.title || one.id}
        </button>
        <Standing one={one} />
      </p>
      <blockquote className="message" data-open={open}>
        {keyed.map((w) => (
          <p key={w.key} lang={w.lang}>
            {w.text}
          </p>
        ))}
      </blockquote>
      {open ? (
        <>
          <Written one={one} />
          <div className="said-doing">
            {one.open_fields.length === 0 ? <Listen id={one.id} /> : null}
            {one.origin === "mission" ? null : (
              <button type="button" onClick={() => edit(draftOf(one))}>
                {t("said.edit")}
              </button>
            )}
          </div>
          <Approval one={one} />
          <Withdrawal one={one} />
        </>
      ) : null}
    </li>
  );
}

export function AnnouncementsPanel() {
  const { t } = useWords();
  const announcements = useSelect((s) => s.announcements);
  const offline = useSelect((s) => s.live.phase !== "open");
  const [draft, setDraft] = useState<Draft | null>(null);
  const [open, setOpen] = useState<string | null>(null);
  if (draft) {
    const close = (id: string | null) => {
      setDraft(null);
      if (id !== null) setOpen(id);
    };
    return (
      <div className="scroll">
        <section>
          <AnnouncementEditor first={draft} close={close} />
        </section>
      </div>
    );
  }
  return (
    <div className="scroll">
      <section>
        <button
          type="button"
          className="primary"
          disabled={offline}
          onClick={() => setDraft(EMPTY)}
        >
          {t("said.new")}
        </button>
        {announcements.length === 0 ? <p className="empty">{t("said.none")}</p> : null}
        <ul className="said-list">
          {announcements.map((one) => (
            <Card
              key={one.id}
              one={one}
              open={open === one.id}
              flip={() => setOpen(open === one.id ? null : one.id)}
              edit={setDraft}
            />
          ))}
        </ul>
      </section>
    </div>
  );
}
