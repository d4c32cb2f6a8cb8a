/** The NHRP packet types (RFC 2332 §5.2) as the assertions name them; not our codec's constants, which are under test. */
export const NHRP = {
  resolutionRequest: 1,
  resolutionReply: 2,
  registrationRequest: 3,
  registrationReply: 4,
  purgeRequest: 5,
  purgeReply: 6,
  errorIndication: 7,
  trafficIndication: 8,
} as const;
