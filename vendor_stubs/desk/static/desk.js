// Sends the launch form of a host's page, as the host's own page would.
document.getElementById("launch")?.submit();
