import { type KeyboardEvent, useCallback, useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { useWords, type Words } from "../i18n/i18n";
import {
  Microphone,
  Talk,
  TalkError,
  type TalkLack,
  type TalkState,
} from "../net/talk";
import { Icon } from "../ui/Icon";

const AUTHORITY_MAX = 200;
// Who ordered it is asked for once while the console is open.
let lastAuthority = "";

type Mic = { mic: Microphone | null; missing: TalkLack | null };

/** The microphone is opened with the dialog, so that pressing talks at once. */
function useMicrophone(): Mic {
  const [state, setState] = useState<Mic>({ mic: null, missing: null });
  useEffect(() => {
    let open: Microphone | null = null;
    let gone = false;
    Microphone.open().then(
      (mic) => {
        open = mic;
        if (gone) mic.close();
        else setState({ mic, missing: null });
      },
      (error: unknown) => {
        const missing = error instanceof TalkError ? error.lack : "encoder";
        setState({ mic: null, missing });
      },
    );
    return () => {
      gone = true;
      open?.close();
    };
  }, []);
  return state;
}

function said(state: TalkState | null, w: Words): string {
  if (state === null) return w.t("talk.idle");
  switch (state.phase) {
    case "calling":
      return w.t("talk.calling");
    case "talking":
      return w.t("talk.talking");
    case "refused":
      return w.t("talk.refused", { why: state.reason || "—" });
    default:
      return state.reason
        ? w.t("talk.cut", { why: state.reason })
        : w.t("talk.over", { s: w.number(state.seconds, 1) });
  }
}

function useTalk(vehicle_id: string, mic: Microphone | null) {
  const [state, setState] = useState<TalkState | null>(null);
  const talk = useRef<Talk | null>(null);
  const release = useCallback(() => {
    void talk.current?.release();
    talk.current = null;
  }, []);
  const press = (authority: string) => {
    if (mic === null || talk.current !== null) return;
    lastAuthority = authority;
    talk.current = new Talk(vehicle_id, authority, mic, setState);
  };
  // Whatever takes the finger, the page or the dialog away ends the talk.
  useEffect(() => {
    window.addEventListener("blur", release);
    return () => {
      window.removeEventListener("blur", release);
      release();
    };
  }, [release]);
  return { state, press, release };
}

function HoldButton({
  disabled,
  level,
  press,
  release,
}: {
  disabled: boolean;
  level: number | null;
  press(): void;
  release(): void;
}) {
  const { t } = useWords();
  const onKey = (event: KeyboardEvent, act: () => void) => {
    if (event.key !== " " || event.repeat) return;
    event.preventDefault();
    act();
  };
  return (
    <button
      type="button"
      className="talk-hold"
      disabled={disabled}
      data-talking={level !== null}
      style={{ "--level": level ?? 0 } as React.CSSProperties}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        press();
      }}
      onPointerUp={release}
      onPointerCancel={release}
      onLostPointerCapture={release}
      onKeyDown={(event) => onKey(event, press)}
      onKeyUp={(event) => onKey(event, release)}
      onBlur={release}
    >
      <Icon name="speaker" />
      {t("talk.hold")}
    </button>
  );
}

function Dialog({ vehicle_id, close }: { vehicle_id: string; close(): void }) {
  const words = useWords();
  const { t } = words;
  const { mic, missing } = useMicrophone();
  const { state, press, release } = useTalk(vehicle_id, mic);
  const [authority, setAuthority] = useState(lastAuthority);
  const named = authority.trim();
  const level = state?.phase === "talking" ? state.level : null;
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
  };
  return (
    <div className="scrim">
      {/* Not modal: STOP and silence must stay within reach at all times. */}
      <dialog open className="launch" aria-labelledby="talk-title" onKeyDown={onKey}>
        <form onSubmit={(event) => event.preventDefault()} noValidate>
          <h2 id="talk-title">{t("talk.title", { id: vehicle_id })}</h2>
          <p className="muted">{t("talk.what")}</p>
          <label className="field authority">
            <span>{t("launch.authority")}</span>
            <input
              name="authority"
              required
              maxLength={AUTHORITY_MAX}
              autoComplete="off"
              value={authority}
              onChange={(event) => setAuthority(event.target.value)}
            />
            <small>{t("talk.authority.help")}</small>
          </label>
          {missing ? <p className="blocked">{t(`talk.lack.${missing}`)}</p> : null}
          <HoldButton
            disabled={mic === null || named === ""}
            level={level}
            press={() => press(named)}
            release={release}
          />
          <p className="talk-state" role="status" data-phase={state?.phase ?? "idle"}>
            {said(state, words)}
          </p>
          <footer>
            <button type="button" onClick={close}>
              {t("talk.close")}
            </button>
          </footer>
        </form>
      </dialog>
    </div>
  );
}

/** Talk over one vehicle's loudspeaker, live. */
export function TalkButton({ vehicle_id }: { vehicle_id: string }) {
  const { t } = useWords();
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" className="talk-open" onClick={() => setOpen(true)}>
        {t("talk.open")}
      </button>
      {open
        ? createPortal(
            <Dialog vehicle_id={vehicle_id} close={() => setOpen(false)} />,
            document.querySelector(".app") ?? document.body,
          )
        : null}
    </>
  );
}
