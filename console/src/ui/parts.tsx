// Small parts that the panels share.

import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import type { Phase } from "../domain";
import { useWords } from "../i18n/i18n";

export function Segmented<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: { value: T; text: string; disabled?: boolean }[];
  onChange(value: T): void;
}) {
  const name = useId();
  return (
    <fieldset className="segmented">
      <legend className="hidden">{label}</legend>
      {options.map((one) => (
        <label key={one.value} data-on={one.value === value} data-off={one.disabled}>
          <input
            type="radio"
            name={name}
            checked={one.value === value}
            disabled={one.disabled ?? false}
            onChange={() => onChange(one.value)}
          />
          {one.text}
        </label>
      ))}
    </fieldset>
  );
}

export function PhaseChip({ phase }: { phase: Phase }) {
  const { t } = useWords();
  return (
    <span className="chip" data-phase={phase}>
      {t(`phase.${phase}`)}
    </span>
  );
}

export function Progress({ ratio, label }: { ratio: number; label: string }) {
  const { percent } = useWords();
  return (
    <div
      className="progress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.floor(ratio * 100)}
      aria-valuetext={percent(ratio)}
    >
      <span style={{ width: `${ratio * 100}%` }} />
    </div>
  );
}

export function Fact({ name, value }: { name: string; value: ReactNode }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd className="num">{value}</dd>
    </div>
  );
}

const SURE_MS = 4_000;

/** A button that asks once more in its own place, and forgets after a while. */
export function TwoStep({
  className = "",
  disabled,
  title,
  children,
  sure,
  onConfirm,
}: {
  className?: string;
  disabled: boolean;
  title?: string;
  children: ReactNode;
  sure: ReactNode;
  onConfirm(): void;
}) {
  const [asking, setAsking] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const press = () => {
    clearTimeout(timer.current);
    if (asking) onConfirm();
    else timer.current = setTimeout(() => setAsking(false), SURE_MS);
    setAsking(!asking);
  };
  return (
    <button
      type="button"
      className={className}
      data-sure={asking && !disabled}
      disabled={disabled}
      title={title}
      onClick={press}
    >
      {asking && !disabled ? sure : children}
    </button>
  );
}

/** Renders again each second, for ages. */
export function useNow(): number {
  const [now_ms, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now_ms;
}
