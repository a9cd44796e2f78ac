export function Toasts({ notices }) {
  return (
    <ul aria-label="Avisos">
      {notices.map((notice, at) => (
        <li key={at} className={notice.level} data-kind={notice.kind}>
          <strong>{notice.title}</strong> {notice.detail}
        </li>
      ))}
    </ul>
  );
}
