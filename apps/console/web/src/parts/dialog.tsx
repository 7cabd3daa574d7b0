import { type ReactNode, type SyntheticEvent, useEffect, useId, useRef } from "react";
import { ProblemNotice } from "./notice.tsx";

type DialogProps = { readonly title: string; readonly onClose: () => void; readonly children: ReactNode };

/** A question over the page. The browser keeps the focus inside, closes it with Escape and gives the focus back. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const shown = dialog.current;
    const opener = document.activeElement;
    shown?.showModal();
    // Taken off the page it is closed; to close it first would tell whoever opened it a second time.
    return () => {
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

type ConfirmProps = {
  readonly title: string;
  /** What will happen. */
  readonly children: ReactNode;
  /** What the button says: the deed itself. */
  readonly deed: string;
  readonly dangerous?: boolean;
  readonly pending: boolean;
  readonly error: unknown;
  readonly onConfirm: (form: FormData) => void;
  readonly onClose: () => void;
};

/** Asks once more before something that is not easily taken back. Fields among its children come along. */
export function Confirm({
  title,
  children,
  deed,
  dangerous = false,
  pending,
  error,
  onConfirm,
  onClose,
}: ConfirmProps) {
  const submit = (event: SyntheticEvent<HTMLFormElement>): void => {
    event.preventDefault();
    onConfirm(new FormData(event.currentTarget));
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit} className="form">
        {children}
        {error !== null && error !== undefined && <ProblemNotice error={error} />}
        <div className="form-end">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className={`button ${dangerous ? "danger" : "primary"}`} disabled={pending}>
            {deed}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
