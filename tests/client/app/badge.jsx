// Components of a kit as applications have them: they pass refs on, which is what the old pages warned about.
import { forwardRef, useEffect, useRef } from "react";

export const Badge = forwardRef(function Badge({ tone, ...rest }, ref) {
  return <span ref={ref} className={`badge ${tone}`} {...rest} />;
});

export const Button = forwardRef(function Button(props, ref) {
  return <button ref={ref} type="button" {...props} />;
});

export function Tooltip({ text, children }) {
  const anchor = useRef(null);
  useEffect(() => {
    if (anchor.current) anchor.current.title = text;
  }, [text]);
  return children(anchor);
}
