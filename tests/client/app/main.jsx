import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { createClient } from "drena-client";
import { DrenaProvider } from "drena-react";

import { IntegrationsPage } from "./integrations.jsx";
import { Toasts } from "./toasts.jsx";

// What a test wants: the servers, the token, the integrations to show.
const wanted = JSON.parse(decodeURIComponent(location.hash.slice(1)));

window.sockets = 0; // how many were ever opened
window.WebSocket = class extends window.WebSocket {
  constructor(...words) {
    super(...words);
    window.sockets += 1;
  }
};

window.token = wanted.token;
const client = createClient({ feedUrl: wanted.feed, httpUrl: wanted.http, getToken: async () => window.token });
window.drena = client;

function App() {
  const [notices, setNotices] = useState([]);
  const [shown, setShown] = useState(true);
  return (
    <DrenaProvider
      client={client}
      language={wanted.language}
      waitingAfterMs={wanted.waitingAfterMs}
      onNotice={(notice) => setNotices((before) => [...before, notice])}
    >
      <button onClick={() => setShown(!shown)}>{shown ? "Esconder" : "Mostrar"}</button>
      {shown && <IntegrationsPage integrations={wanted.integrations} />}
      <Toasts notices={notices} />
    </DrenaProvider>
  );
}

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
