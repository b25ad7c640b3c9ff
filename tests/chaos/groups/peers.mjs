// peers
export default [];
