// messages
export default [];
